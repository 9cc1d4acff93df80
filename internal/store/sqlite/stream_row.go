package sqlite

import (
	"errors"
	"time"

	"github.com/millrace/millrace"
)

// streamOf reads a stream from its row. A row that makes no sense is
// ErrCorrupt.
func streamOf(r row) (millrace.Stream, error) {
	v := values{table: streamsTable, row: r}
	var s millrace.Stream
	s.Key = millrace.StreamKey{ID: uint64(v.number()), Generation: uint32(v.number())}
	s.Name = millrace.StreamName(v.text())
	var err error
	s.ARN, err = millrace.ParseStreamARN(v.text())
	v.fail(err)
	s.Created = s.ARN.Created
	s.Version = v.text()
	s.Status, err = parseStatus(v.text())
	v.fail(err)
	s.Retention = time.Duration(v.number()) * time.Hour
	s.DeviceName, s.MediaType, s.KMSKeyID = v.text(), v.text(), v.text()
	s.Tier, err = millrace.ParseStorageTier(v.text())
	v.fail(err)
	s.KeptSince = sinceOf(v.number())
	if v.err != nil {
		return millrace.Stream{}, v.err
	}
	return s, nil
}

// rowOf is the reverse of streamOf.
func rowOf(s millrace.Stream) row {
	return row{
		int64(s.Key.ID), int64(s.Key.Generation), string(s.Name), s.ARN.String(), s.Version, s.Status.String(),
		int64(s.Retention / time.Hour), s.DeviceName, s.MediaType, s.KMSKeyID, s.Tier.String(), sinceMillis(s.KeptSince),
	}
}

// sinceMillis writes a KeptSince: 0 is none, and so is a time before 1970. What
// is finer than a millisecond counts up, so that nothing is kept that should
// have gone.
func sinceMillis(t time.Time) int64 {
	if t.Before(time.UnixMilli(0)) {
		return 0
	}
	return t.Add(time.Millisecond - 1).UnixMilli()
}

func sinceOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func parseStatus(text string) (millrace.Status, error) {
	for s := millrace.StatusActive; s <= millrace.StatusDeleting; s++ {
		if s.String() == text {
			return s, nil
		}
	}
	return 0, errors.New("no such status")
}
