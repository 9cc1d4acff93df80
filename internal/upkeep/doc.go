// Package upkeep is the tools by which people look after a data directory:
// checking it, copying it, putting a copy back, and finding out whether its
// machine is fit for it.
//
// It promises that a backup that says it is complete holds every fragment that
// was acknowledged before it began, whatever the server did meanwhile; that
// neither a crash nor a full disk at any moment takes an earlier complete
// backup away; and that a directory in which a restore was cut short is never
// taken for a whole one. It refuses to write to a directory that it only looks
// at, and to run a server: what needs one is the caller's.
//
// # A data directory
//
//	control.db       what there is: streams, settings, deletions, epochs
//	packs/*.pack     the media
//	index.db         where the media are; derived, and in no backup
//	root-key.json    the root key, unless it comes from the environment
//	ca-key.pem       the certificate authority, if the server speaks TLS
//	ca.pem           its certificate for everybody; derived
//	acme/            certificates of an ACME server; in no backup
//	lock             locked by the server
//	restoring        while a restore is not finished
//
// # A backup
//
// A backup is one flat directory: the files of a data directory, each under its
// name and the number of the run that copied it (control.db.3), and
// manifest.json, which names them with their sizes and hashes. The manifest is
// written last, so that its presence means that the backup is complete; while a
// run is under way, progress.json names the packs that it has finished with, so
// that a run which was cut short is not all for nothing. See docs/format/backup.md.
package upkeep
