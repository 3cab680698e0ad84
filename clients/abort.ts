/** Many calls may have one signal, which warns of more than ten listeners, and looks through all to remove one. */
const heeding = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `react` when the signal is aborted; returns how to prevent that. */
export function heed(signal: AbortSignal, react: () => void): () => void {
  const reactions = heeding.get(signal) ?? listenTo(signal);
  reactions.add(react);
  return () => reactions.delete(react);
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const reactions = new Set<() => void>();
  heeding.set(signal, reactions);
  signal.addEventListener('abort', () => {
    for (const react of reactions) react();
  });
  return reactions;
}
