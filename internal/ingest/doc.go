// Package ingest runs PutMedia sessions, from the first byte of a body to the
// last acknowledgement.
//
// One goroutine reads and parses the body and feeds the tail; another writes
// acknowledgements; commits are answered by the store's. What a session
// promises:
//
//	S1: per fragment BUFFERING, RECEIVED, PERSISTED in this order; PERSISTED in
//	    the order of the fragments; nothing is PERSISTED that the store has not
//	    confirmed (I1).
//	S2: after a failed commit there is no later PERSISTED, for a client would
//	    throw the lost fragment away; the session ends with a code on which
//	    clients send again.
//	S3: an ERROR is the last acknowledgement, and comes behind the PERSISTED of
//	    the fragments before it.
//	S4: one acknowledgement is one transfer chunk and one write, never cut.
//	S5: a client that reads no acknowledgements costs a bounded amount of
//	    memory, is then not read any more, and loses its session.
//	S6: a fragment that says which one it is is kept once within the retention,
//	    over crashes too; a repeat is acknowledged as S1 and S2 say, and costs
//	    neither memory nor disk.
//
// The package refuses to know about other sessions than the one at hand, but
// for the Sessions that count them and the claims by which they keep out of each
// other's way.
package ingest
