/**
 * The types of what is used of `highlight.js`. Its own bring those of browsers along, which are not
 * those that Deno has.
 * @module
 */
declare const hljs: {
  getLanguage(name: string): unknown;
  highlight(
    code: string,
    options: { readonly language: string; readonly ignoreIllegals: boolean },
  ): { readonly value: string };
};
export default hljs;
