/**
 * What an offline build lacks of go's, and the command that fetches it.
 * @module
 */
import { KodenoError } from "../errors.ts";

const NO_MODULE = /GOPROXY=off|GOVCS disallows/;
const NO_TOOLCHAIN = /requires go >= (\S+) .*GOTOOLCHAIN=local/;

/**
 * A failure of an offline build, with the next step where it is for want of a module or of a newer Go;
 * any other as it is.
 */
export function withOfflineHint(error: unknown): unknown {
  if (!(error instanceof KodenoError)) return error;
  const { code, message, detail } = error;
  const told = (text: string) => new KodenoError(code, text, detail, { cause: error });
  if (NO_MODULE.test(message)) {
    return told(
      'Cannot build offline: go lacks modules; run "go mod download" here once with the network, or ' +
        `"go mod vendor" and bring the folder:\n${message}`,
    );
  }
  const version = NO_TOOLCHAIN.exec(message)?.[1];
  if (version === undefined) return error;
  return told(`${message}; offline none is fetched: install Go ${version} or newer`);
}
