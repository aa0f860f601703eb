import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { openBridge } from './bridge/bridge.ts';
import { StatusPage } from './pages/status-page.tsx';
import { followEngine } from './stores/engine-store.ts';

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no place to draw in.');

followEngine(openBridge);
createRoot(root).render(
  <StrictMode>
    <StatusPage />
  </StrictMode>,
);
