package spool

import "time"

// An Opening is what Open found.
type Opening struct {
	Took      time.Duration
	Files     int
	Fragments int   // pending
	Bytes     int64 // of media in them
	Torn      int   // pending fragments that a crash cut, at this Open or an earlier one
	Scanned   int   // files without an index, that were read through
	Cut       int64 // bytes of torn ends that were cut off
	Damaged   int   // damaged fragments and files that were met
}

// Stats are counts and sizes as of now.
type Stats struct {
	Files     int
	DiskBytes int64     // towards Options.MaxBytes
	Pending   int       // fragments, the open one too
	Bytes     int64     // of media in pending fragments
	Unsynced  int64     // bytes of files that a power cut would take
	AtRisk    int       // pending fragments whose sync failed
	Oldest    time.Time // Begun of the oldest pending fragment; zero if there is none

	Received, Persisted, Accepted, Rejected, Dropped uint64 // fragments settled since Open

	Damaged uint64 // fragments that were found damaged since Open, that included
	Syncs   uint64 // of data files since Open
}

// Stats returns counts and sizes.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{
		Files: len(s.files), DiskBytes: s.bytes, Pending: s.pending, Bytes: s.media,
		Received: s.settled[Received], Persisted: s.settled[Persisted], Accepted: s.settled[Accepted],
		Rejected: s.settled[Rejected], Dropped: s.settled[Dropped],
		Damaged: s.damaged, Syncs: s.syncs,
	}
	for _, f := range s.files {
		st.Unsynced += f.size - f.synced
		st.AtRisk += f.atRisk
		if st.Oldest.IsZero() {
			st.Oldest = f.oldest()
		}
	}
	return st
}
