/** What came of the messages of a client, in numbers. */
export class Tally {
  sent = 0;
  accepted = 0;
  /** By letter. */
  readonly rejected = new Uint32Array(128);
  replaced = 0;
  canceled = 0;
  executed = 0;
  prevented = 0;

  get silent(): number {
    return 0;
  }
}

export class Latency {
  quantileUs(_share: number): number {
    return 0;
  }
}
