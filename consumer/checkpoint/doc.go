// Package checkpoint keeps how far applications have come in their streams,
// and who reads a stream at the moment. A Store holds one Record for each Key,
// which is an application's name with a stream's: the position in the stream,
// as bytes that mean nothing here, and the lease of the worker that has it.
//
// There are three stores. Memory is for tests and for one process, File for
// the processes of one machine, SQL for any number of machines that share a
// database. Package checkpointtest has the suite that each of them passes, for
// those who write a fourth.
//
// Every store promises:
//
//	K1: by the store's own clock, a key's lease has at most one owner at a time.
//	K2: each time the lease gets another owner, the key's epoch goes up by one;
//	    it never goes down as long as the key is not deleted.
//	K3: Save under an owner and an epoch that are no longer the key's changes
//	    nothing, and says ErrFenced. A worker that was paused, and does not know
//	    that its lease has gone, cannot move a position backwards.
//	K4: what a call has returned without an error is what every later call sees,
//	    of any client; in a file and a database, also after a crash.
//	K5: an error that is none of this package's leaves open whether the change
//	    was made. Every call may be made again.
//
// Clocks of clients decide nothing: a lease is as long as its ttl on the clock of
// the machine (Memory, File) or of the database (SQL), and a record says whose it
// is at the moment of reading. The package refuses to wait for a lease, to renew
// one by itself, and to interpret positions; package consumer does all three.
package checkpoint
