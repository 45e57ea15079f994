/**
 * The packages that make the documentation site. The program uses none of them.
 * @module
 */
export { default as Eleventy } from "npm:@11ty/eleventy@3.1.8";
export { slug } from "npm:github-slugger@2.0.0";
// @ts-types="./highlight.d.ts"
export { default as hljs } from "npm:highlight.js@11.11.1/lib/common";
// @ts-types="npm:@types/markdown-it@14.1.2"
export { default as MarkdownIt } from "npm:markdown-it@14.3.3";
export { default as anchor } from "npm:markdown-it-anchor@9.2.0";
