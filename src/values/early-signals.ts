/**
 * SIGINT and SIGTERM between the start of a server command and the moment its module is ready to handle them.
 *
 * Loading a server takes a tenth of a second; a script that starts one and stops it at once must find it stopping
 * in order, not killed. The command's entry remembers the signals as its first act, and the server takes over.
 * Listening also undoes the "ignored" that a shell gives SIGINT for a command started with `&`.
 */

const WATCHED_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Signals that came before anyone took over, oldest first. */
export const earlySignals: NodeJS.Signals[] = [];

let isListening = false;
let deliver = (signal: NodeJS.Signals): void => {
  earlySignals.push(signal);
};

/** From here on no watched signal ends the process by itself. A second call changes nothing. */
export function rememberSignals(): void {
  if (isListening) return;
  isListening = true;
  for (const signal of WATCHED_SIGNALS) process.on(signal, () => deliver(signal));
}

/**
 * Hands `handler` the signals that came early, at once and in order, and every later one as it comes.
 * A later call replaces the handler.
 */
export function takeOverSignals(handler: (signal: NodeJS.Signals) => void): void {
  rememberSignals();
  deliver = handler;
  for (const signal of earlySignals.splice(0)) handler(signal);
}
