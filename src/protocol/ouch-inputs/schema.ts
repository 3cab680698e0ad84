/** The JSON schema of test inputs, for editors. */

/** Draft 2020-12. */
export function inputSchema(): object {
  throw new Error('not written');
}
