import type { ModelListView, ModelsView, ProviderView } from '../src-shared/control.ts';
import type { BaseProvider } from './providers/base-provider.ts';

/** What a provider itself says of how it stands. */
export function viewProvider(provider: BaseProvider): Omit<ProviderView, 'models' | 'circuits' | 'health'> {
  const { id, name, type, baseUrl, priority, enabled } = provider;
  return { id, name, type, baseUrl: baseUrl?.href ?? null, priority, enabled, keys: provider.keys.views() };
}

/** Errors are told in the provider's words, which may hold what was sent. */
export function viewList(provider: BaseProvider, redact: (text: string) => string): ModelListView {
  const view = provider.modelsView();
  return view.error === null ? view : { ...view, error: redact(view.error) };
}

export function viewModels(provider: BaseProvider, redact: (text: string) => string): ModelsView {
  const models = provider.models.map((model) => ({
    id: model,
    displayName: provider.displayNameOf(model),
    price: provider.priceOf(model),
    ...provider.factsOf(model),
  }));
  return { ...viewList(provider, redact), models };
}
