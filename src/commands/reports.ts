/** Writes reports for those who ask for one: one at a time, and one for all who ask meanwhile. */
export class Reports<Subject> {
  readonly #write: (subject: Subject) => Promise<void>;
  #subject: Subject | undefined;
  #isDue = false;
  #running: Promise<void> | undefined;

  /** `write` never rejects. */
  constructor(write: (subject: Subject) => Promise<void>) {
    this.#write = write;
  }

  ask(): void {
    this.#isDue = true;
    this.#start();
  }

  /** From here on `subject` has what is reported. */
  begin(subject: Subject): void {
    this.#subject = subject;
    if (this.#isDue) this.#start();
  }

  /** Resolves when those that were asked for are written. */
  async end(): Promise<void> {
    await this.#running;
  }

  #start(): void {
    if (this.#subject === undefined) return;
    this.#running ??= this.#run(this.#subject).finally(() => {
      this.#running = undefined;
    });
  }

  async #run(subject: Subject): Promise<void> {
    while (this.#isDue) {
      this.#isDue = false;
      await this.#write(subject);
    }
  }
}
