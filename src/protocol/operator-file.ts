/** What a server leaves in its data folder for those who may run it: `DATA/operator.json`. */

/** The data folder of a server, in its working directory, unless another one is named. */
export const DATA_FOLDER = 'data';

export const OPERATOR_FILE = 'operator.json';

export interface OperatorFile {
  /** Where the api is reached. */
  readonly host: string;
  readonly port: number;
  readonly token: string;
}

/** In the environment of whoever administers a server in memory. */
export const TOKEN_VARIABLE = 'OUTCRY_ADMIN_TOKEN';
