package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"time"
)

// The file is lines of JSON. The first says what it is, how many records follow,
// and the CRC-32C of all bytes after its own newline; each other line is a
// record, in the order of application and stream:
//
//	{"magic":"millrace checkpoints","version":1,"records":1,"crc32c":"9d0a3c11"}
//	{"app":"plates","stream":"gate-3","position":"…","epoch":2,"updated":"…"}
//
// docs/format/checkpoints.md has the whole.
const (
	fileMagic   = "millrace checkpoints"
	fileVersion = 1
)

type fileHead struct {
	Magic   string `json:"magic"`
	Version int    `json:"version"`
	Records int    `json:"records"`
	Sum     string `json:"crc32c"`
}

type fileRecord struct {
	App      string    `json:"app"`
	Stream   string    `json:"stream"`
	Position []byte    `json:"position,omitempty"`
	Owner    string    `json:"owner,omitempty"`
	Epoch    uint64    `json:"epoch,omitempty"`
	Expires  time.Time `json:"expires,omitzero"`
	Updated  time.Time `json:"updated,omitzero"`
}

// encodeTable writes the content of a file.
func encodeTable(t table) ([]byte, error) {
	keys := slices.SortedFunc(maps.Keys(t), func(a, b Key) int {
		return cmp.Or(strings.Compare(a.App, b.App), strings.Compare(a.Stream, b.Stream))
	})
	var records bytes.Buffer
	lines := json.NewEncoder(&records)
	for _, k := range keys {
		r := t[k]
		err := lines.Encode(fileRecord{k.App, k.Stream, r.position, r.owner, r.epoch, r.expires, r.updated})
		if err != nil {
			return nil, fmt.Errorf("encode record: %w", err)
		}
	}
	head, err := json.Marshal(fileHead{fileMagic, fileVersion, len(t), sumOf(records.Bytes())})
	if err != nil {
		return nil, fmt.Errorf("encode head: %w", err)
	}
	return slices.Concat(head, []byte("\n"), records.Bytes()), nil
}

func sumOf(records []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(records, crc32.MakeTable(crc32.Castagnoli)))
}

// decodeTable reads the content of a file.
func decodeTable(content []byte) (table, error) {
	first, records, _ := bytes.Cut(content, []byte("\n"))
	var head fileHead
	if err := json.Unmarshal(first, &head); err != nil || head.Magic != fileMagic {
		return nil, fmt.Errorf("%w: it does not begin as a file of checkpoints does", ErrDamaged)
	}
	if head.Version != fileVersion {
		return nil, fmt.Errorf("version %d of the file of checkpoints is not %d, which this release knows", head.Version, fileVersion)
	}
	if sum := sumOf(records); sum != head.Sum {
		return nil, fmt.Errorf("%w: its checksum is %s and not %s", ErrDamaged, sum, head.Sum)
	}
	t := table{}
	for line := range bytes.Lines(records) {
		if err := t.decodeRecord(line); err != nil {
			return nil, fmt.Errorf("%w: record %d: %w", ErrDamaged, len(t)+1, err)
		}
	}
	if len(t) != head.Records {
		return nil, fmt.Errorf("%w: it has %d records and not %d", ErrDamaged, len(t), head.Records)
	}
	return t, nil
}

func (t table) decodeRecord(line []byte) error {
	var v fileRecord
	if err := json.Unmarshal(line, &v); err != nil {
		return err
	}
	k := Key{v.App, v.Stream}
	if err := checkRecord(k, Record{Position: v.Position, Owner: v.Owner}); err != nil {
		return err
	}
	if _, twice := t[k]; twice {
		return errors.New("the key is there twice")
	}
	t[k] = row{v.Position, v.Owner, v.Epoch, v.Expires, v.Updated}
	return nil
}
