/** Where the clients of test inputs connect, and what is spoken there. */
import type { OrderbookForm } from '../../src/protocol/ouch/fields.ts';
import type { Header } from '../../src/protocol/ouch-inputs/check.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
  /** Bare OUCH instead of SoupBinTCP. */
  readonly isRaw: boolean;
  readonly form: OrderbookForm;
}

/** Of one client of an input. */
export type TargetOf = (client: string, header: Header) => Target;

export interface VenueOptions {
  readonly host: string;
  /** Of clients that log in; with `isRaw` of all. */
  readonly port: number;
  /** Where those go that an input calls raw. */
  readonly rawPort: number;
  readonly isRaw: boolean;
  /** Text where they log in, numbers where they do not, unless it is said. */
  readonly form?: OrderbookForm | undefined;
}

/** In recordings, the clients that did not log in. */
const RAW_NAME = /^raw-\d+$/;

export function targetsAt({ host, port, rawPort, isRaw, form }: VenueOptions): TargetOf {
  return (client, { clients, isRecorded }) => {
    const hint = clients?.[client];
    const isRawHere = hint?.raw ?? (isRecorded && hint === undefined && RAW_NAME.test(client));
    return {
      host,
      port: isRawHere && !isRaw ? rawPort : port,
      isRaw: isRaw || isRawHere,
      form: hint?.form ?? form ?? (isRaw || isRawHere ? 'uint32' : 'alpha'),
    };
  };
}
