/**
 * How large what comes from elsewhere may be. Honest images stay far below all of these; what is
 * made to fill the memory or to have no end does not.
 * @module
 */

/** Largest manifest, index or config that is read, in bytes; registries commonly allow 4 MiB. */
export const MAX_JSON_BYTES = 4 * 1024 * 1024;

/** Objects and lists of a document that may lie in each other; those of the OCI spec have some 6. */
export const MAX_JSON_DEPTH = 100;

/** Levels below a root: index, manifest, subject of that, and so on. */
export const MAX_GRAPH_DEPTH = 64;

/** Different blobs below a root. */
export const MAX_GRAPH_BLOBS = 100_000;

/** Bytes of all manifests and indexes below a root, which are held while their children are moved. */
export const MAX_GRAPH_DOCUMENT_BYTES = 64 * 1024 * 1024;
