/** Who watches whom, in this host and across hosts: a watcher gets its message once, when the watched has stopped. */
import type { PeerMessage } from '../../src/protocol/control.ts';
import { type Address, toAddress } from '../../src/values/address.ts';
import type { ActorRef } from './actor-ref.ts';
import type { Cell } from './cell.ts';
import type { Directory } from './directory.ts';
import type { Links } from './links.ts';
import type { RunQueue } from './run-queue.ts';

export class Watching {
  readonly #directory: Directory;
  readonly #links: Links;
  readonly #runQueue: RunQueue;

  constructor(directory: Directory, links: Links, runQueue: RunQueue) {
    this.#directory = directory;
    this.#links = links;
    this.#runQueue = runQueue;
  }

  watch(watcher: Cell, ref: ActorRef<never>, message: unknown): void {
    watcher.watches ??= new Map();
    watcher.watches.set(ref.address, message);
    if (ref.host === this.#directory.hostIndex) this.#addWatcher(ref.address, watcher.self);
    else if (this.#links.toHost(ref.host) === undefined) this.#notice(watcher, ref.address);
    else this.#links.sendPeer(ref.host, { type: 'watch', address: ref.address, watcher: watcher.self });
  }

  /** `cell` has stopped: its watchers are told, and those whom it watched forget it. */
  onStopped(cell: Cell): void {
    for (const watcher of cell.watchers ?? []) this.#notify(watcher, cell.self);
    // An actor that lives long must not remember all that ever watched it.
    for (const address of cell.watches?.keys() ?? []) this.#unwatch(cell.self, address);
  }

  onPeerMessage(message: PeerMessage): void {
    const address = toAddress(message.address);
    const watcher = toAddress(message.watcher);
    if (message.type === 'watch') this.#addWatcher(address, watcher);
    else if (message.type === 'unwatch') this.#unwatch(watcher, address);
    else this.#notify(watcher, address);
  }

  /** The host was lost with all that lived in it. */
  onHostLost(host: number): void {
    for (const cell of this.#directory.cells) {
      for (const address of [...(cell.watches?.keys() ?? [])]) {
        if (this.#directory.hostOf(address) === host) this.#notice(cell, address);
      }
      for (const watcher of cell.watchers ?? []) {
        if (this.#directory.hostOf(watcher) === host) cell.watchers?.delete(watcher);
      }
    }
  }

  #addWatcher(address: Address, watcher: Address): void {
    const cell = this.#directory.find(address);
    if (cell === undefined) this.#notify(watcher, address);
    else {
      cell.watchers ??= new Set();
      cell.watchers.add(watcher);
    }
  }

  #unwatch(watcher: Address, address: Address): void {
    const host = this.#directory.hostOf(address);
    if (host === this.#directory.hostIndex) this.#directory.find(address)?.watchers?.delete(watcher);
    else this.#links.sendPeer(host, { type: 'unwatch', address, watcher });
  }

  /** `address` has stopped or was never there: tells the watcher, wherever it is. */
  #notify(watcher: Address, address: Address): void {
    const host = this.#directory.hostOf(watcher);
    if (host !== this.#directory.hostIndex) {
      this.#links.sendPeer(host, { type: 'terminated', address, watcher });
      return;
    }
    const cell = this.#directory.find(watcher);
    if (cell !== undefined) this.#notice(cell, address);
  }

  #notice(watcher: Cell, address: Address): void {
    const message = watcher.watches?.get(address);
    if (!watcher.watches?.delete(address)) return;
    watcher.mailbox.pushNotice(message);
    this.#runQueue.schedule(watcher);
  }
}
