/** The packets of flat inputs, as they will be sent: in one file for all, which nobody else sees. */
export class SpoolFile implements AsyncDisposable {
  static async create(): Promise<SpoolFile> {
    throw new Error('not written');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    throw new Error('not written');
  }
}

/** Those of one input. */
export class Spool {
  readonly bytes = 0;
}
