/** What hosts must know of the exchange and its doors, out of the configuration. */
import type { Config } from './config.ts';
import type { ExchangeSettings, OuchRawSettings, OuchSettings } from './protocol/host-task.ts';
import { parseDays, parseTimeOfDay } from './values/calendar.ts';
import { DEFAULT_VENUE } from './venue.ts';

/** What anybody may do at the doors of the exchange, where other machines may reach it; a sentence each. */
export function warningsOf({ server: { host }, venue }: Config, services: readonly string[]): string[] {
  const isLoopback = host === 'localhost' || host === '::1' || host.startsWith('127.');
  if (isLoopback) return [];
  const reached = `other machines may reach ${host}, where`;
  const warnings: string[] = [];
  if (services.includes('ouch') && venue.traders === DEFAULT_VENUE.traders) {
    warnings.push(`${reached} traders have default passwords; config.ini shows how to set others`);
  }
  if (services.includes('ouch-raw')) {
    warnings.push(`${reached} ouch-raw asks nobody for a password; ouch-raw.is_open = false turns it off`);
  }
  return warnings;
}

export function exchangeSettings(config: Config): ExchangeSettings {
  const { exchange, ouch, venue } = config;
  const { day, openAt, closeAt, openDays, timeZone, ordersMax, ordersPerTraderMax, streamMemoryBytes } =
    exchange;
  return {
    venue,
    day,
    // Their own checks have taken them.
    openAtMs: parseTimeOfDay(openAt) ?? 0,
    closeAtMs: parseTimeOfDay(closeAt) ?? 0,
    openDays: parseDays(openDays) ?? [],
    timeZone,
    ordersMax,
    ordersPerTraderMax,
    streamMemoryBytes,
    disconnectGraceMs: ouch.disconnectGraceSeconds * 1000,
    isDebugOn: ouch.isDebugOn,
    isRawCancelOnDisconnect: config['ouch-raw'].isCancelOnDisconnect,
  };
}

export function ouchSettings({ ouch }: Config): OuchSettings {
  return {
    orderbookForm: ouch.orderbookForm,
    loginMs: ouch.loginSeconds * 1000,
    idleMs: ouch.idleSeconds * 1000,
    heartbeatMs: ouch.heartbeatMilliseconds,
    isDebugOn: ouch.isDebugOn,
  };
}

export function ouchRawSettings(config: Config): OuchRawSettings {
  return { isEventInverted: config['ouch-raw'].isEventInverted };
}
