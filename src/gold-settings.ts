/** What the settings say of gold, in the form in which its actors and jobs have it. */
import type { Config } from './config.ts';
import type { ProviderName, RefreshGoldJob, RefreshOrder, SourceDoor } from './protocol/gold.ts';
import type { GoldSettings } from './protocol/host-task.ts';

export function goldSettings(config: Config): GoldSettings {
  const { messageBytesMax, refreshMinutes, providers } = config.gold;
  return {
    messageBytesMax,
    isSignInAsked: config.users.signInServices.includes('gold'),
    refreshMs: refreshMinutes * 60_000,
    sources: providers.filter((name) => !isKeyMissing(name, config)),
  };
}

/** What is on and can not be used. */
export function goldRemarks(config: Config): readonly string[] {
  return config.gold.providers
    .filter((name) => isKeyMissing(name, config))
    .map((name) => `gold: ${name} is left out, since gold.${name}_key is empty`);
}

/** What a job must know to carry out the order. */
export function refreshJob({ sources, ...order }: RefreshOrder, config: Config): RefreshGoldJob {
  return { ...order, sources: sources.map((source) => ({ ...source, ...doorOf(source.name, config) })) };
}

function isKeyMissing(name: ProviderName, { gold }: Config): boolean {
  return name === 'btmc' && gold.btmcKey === '';
}

function doorOf(name: ProviderName, { gold }: Config): SourceDoor {
  switch (name) {
    case 'tygia':
      return { url: gold.tygiaUrl, key: '' };
    case 'vang-today':
      return { url: gold.vangTodayUrl, key: '' };
    case 'pnj':
      return { url: gold.pnjUrl, key: '' };
    case 'btmc':
      return { url: gold.btmcUrl, key: gold.btmcKey };
    case 'example':
      return { url: '', key: '' };
  }
}
