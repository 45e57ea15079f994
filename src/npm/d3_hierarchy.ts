/**
 * What is used of `d3-hierarchy`: treemaps.
 * @module
 */
// @ts-types="npm:@types/d3-hierarchy@3.1.7"
export { hierarchy, treemap } from "npm:d3-hierarchy@3.1.2";
