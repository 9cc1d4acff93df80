// Package limit counts what is used up, a second at a time: requests of one
// operation, points of the fragments that were asked for, and what one
// connection carries.
//
// All three are the same arithmetic. A bucket holds what may be used at once,
// which is what may be used in one second; it starts full and fills evenly.
//
//	Requests   an operation, for the account and for each resource: refuses
//	Points     fragments, for each stream: refuses
//	Flow       bytes or fragments of one connection: makes it wait
//
// What it promises:
//
//	L1: what is refused uses nothing up, so that a client that is refused and
//	    waits is served, however often it asked.
//	L2: memory is bounded. Of buckets that are too many, the one goes that was
//	    used longest ago. It comes back full, as every bucket is that owes
//	    nothing and was not used for a second: so nobody gains by that unless
//	    more buckets are used within one second than are kept.
//	L3: a clock that steps back refills nothing.
//
// The package refuses to know what an operation is, or where rates are written
// down.
package limit
