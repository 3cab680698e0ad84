/** Every bench, one after the other. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

for (const name of [
  'bank',
  'bank-durable',
  'bank-parser',
  'api',
  'engine',
  'exchange',
  'ouch',
  'ouch-replay',
  'exchange-recovery',
  'runtime',
  'connections',
]) {
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(`./${name}.js`, import.meta.url))], {
    stdio: 'inherit',
  });
  process.stdout.write('\n');
  if (status !== 0) process.exit(1);
}
