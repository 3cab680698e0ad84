/**
 * Lists the files of the lobby, gets them, and puts new ones there:
 *
 *     node transfer-files.js [port]
 *     node transfer-files.js port get NAME…        into the working directory
 *     node transfer-files.js port put FILE…        if the server takes files
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { connect } from 'outcry';

const [port = '7400', what = 'list', ...names] = process.argv.slice(2);

await using client = await connect({ port: Number(port) });

async function get(name: string): Promise<void> {
  const file = await client.lobby.get(name);
  // It fails behind the last byte if these are not the bytes that were announced.
  await pipeline(file, createWriteStream(`${name}.part`));
  await rename(`${name}.part`, name);
  process.stdout.write(`${file.sha256}  ${name}\n`);
}

async function put(path: string): Promise<void> {
  const { size } = await stat(path);
  const { sha256 } = await client.lobby.put(basename(path), createReadStream(path), { size });
  process.stdout.write(`${sha256}  ${basename(path)}\n`);
}

async function list(): Promise<void> {
  for (const { name, size } of await client.lobby.files()) process.stdout.write(`${size}  ${name}\n`);
}

if (what === 'get') for (const name of names) await get(name);
else if (what === 'put') for (const path of names) await put(path);
else await list();
