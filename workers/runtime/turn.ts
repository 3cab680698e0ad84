/** The turn that a host is in: its time, and how much work is left of it. One object, shared by the parts of a host. */
export class Turn {
  /** Monotonic; the same for everything that happens in the turn. */
  nowMs = 0;
  /** The date, less `nowMs`. */
  epochMs = 0;
  messagesLeft = 0;
  bytesLeft = 0;

  get isUsedUp(): boolean {
    return this.messagesLeft <= 0 || this.bytesLeft <= 0;
  }
}
