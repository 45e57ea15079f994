/**
 * What is used of `yauzl`: zip files, of which a module of Go is one, read entry by entry. It says no types.
 * @module
 */
export { fromRandomAccessReaderPromise, RandomAccessReader } from "npm:yauzl@3.4.0";
