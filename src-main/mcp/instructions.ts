/** What a client's model is told of this server. */
export const instructions = `CProxy sits between this client and AI providers: it chooses the provider and model of each request by its rules, fails over, and logs what happened.

- Ask another model with proxy_completion, several with compare_models. They know nothing of this conversation. list_models says which there are. Each call costs its user money.
- Say why a request went where it went with explain_route; recent_requests has the ids.
- provider_health says what is wrong and what to do; usage_report what was used and what it cost.
- Tools that change CProxy are there only where its user has allowed them.`;
