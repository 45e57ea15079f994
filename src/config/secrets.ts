/**
 * What is left out of what others get to read: logins and tokens in URLs, and values of variables whose
 * names say that they are secrets.
 * @module
 */

/** What stands in the place of it. */
export const HIDDEN = "***";

const SECRET = "(?:TOKEN|SECRET|PASSWORD|PASSWD|KEY|CREDENTIAL)";
/** Short words count alone: "DB_PASS", and not "COMPASS". */
const SECRET_NAME = new RegExp(`${SECRET}|(?<![a-z0-9])(?:PASS|PWD|PAT|AUTH)(?![a-z0-9])`, "i");
/** Behind the scheme of a URL; an unencoded `@` may be in a password. */
const LOGIN = /\b([a-z][a-z0-9+.-]*:\/\/)[^/\s?#]*@/gi;
const PARAMETER = new RegExp(`([?&][^=&#\\s]*${SECRET}[^=&#\\s]*=)[^&#\\s"']+`, "gi");

/** The value of a variable, unless its name says that it is a secret. */
export function openValue(name: string, value: string): string {
  return SECRET_NAME.test(name) ? HIDDEN : value;
}

/** A text whose URLs have neither logins nor tokens. */
export function withoutLogins(text: string): string {
  return text.replaceAll(LOGIN, `$1${HIDDEN}@`).replaceAll(PARAMETER, `$1${HIDDEN}`);
}
