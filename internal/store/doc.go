// Package store holds the seams of durability and the engine over them.
//
// Above it are two questions: commit this fragment (Committer), and what is
// kept (Index). Beside them stands the control state: streams, tags and keys
// (Control), which is authoritative, while the index is derived from the packs.
// The package promises that a fragment whose commit was confirmed is found and
// read back byte for byte after any crash (I1), and that nothing is found that
// was not committed (I2). It refuses to know protocols: no AWS spelling, no
// HTTP, no Matroska.
package store
