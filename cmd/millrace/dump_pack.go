package main

import (
	"fmt"
	"os"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// packMagic begins every pack.
const packMagic = "MILLPACK"

// A packInfo is what a pack says of itself, in JSON.
type packInfo struct {
	Kind    string    `json:"kind"` // "pack"
	Version uint32    `json:"version"`
	Number  string    `json:"pack"`
	Epoch   uint32    `json:"epoch"`
	Class   uint8     `json:"class"`
	Created time.Time `json:"created"`
	Bytes   int64     `json:"bytes"`
	Sealed  bool      `json:"sealed"`
}

// A recordInfo is a record of a pack in JSON.
type recordInfo struct {
	Kind         string     `json:"kind"`
	Offset       int64      `json:"offset"`
	Bytes        int64      `json:"bytes"` // in the file, with the padding behind it
	Deleted      bool       `json:"deleted,omitempty"`
	Stream       uint64     `json:"stream,omitempty"` // as control.db numbers them
	Generation   uint32     `json:"generation,omitempty"`
	Fragment     string     `json:"fragmentNumber,omitempty"`
	ServerTime   *time.Time `json:"serverTime,omitempty"`
	ProducerTime *time.Time `json:"producerTime,omitempty"`
	Milliseconds int64      `json:"milliseconds,omitempty"`
	Media        int64      `json:"mediaBytes,omitempty"`
	Frames       uint32     `json:"frames,omitempty"`
	Incomplete   bool       `json:"incomplete,omitempty"`
	Header       string     `json:"header,omitempty"` // hash of the header elements
}

// dumpPack dumps the records of a pack by their fixed headers. It checks those
// alone; millrace verify checks everything.
func dumpPack(file *os.File, out *dumpWriter) error {
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("dump %s: %w", file.Name(), err)
	}
	header, err := pack.ReadFileHeader(file)
	if err != nil {
		return fmt.Errorf("dump %s: %w", file.Name(), err)
	}
	size := info.Size()
	_, unsealed := pack.ReadTrailer(file, size)
	p := packInfo{
		Kind: "pack", Version: header.Version, Number: fmt.Sprintf("%016x", header.Pack), Epoch: header.Epoch,
		Class: uint8(header.Class), Created: header.Created, Bytes: size, Sealed: unsealed == nil,
	}
	if err := out.write(p, p.String()); err != nil {
		return err
	}
	if p.Sealed {
		size -= pack.TrailerSize
	}
	return dumpRecords(file, pack.NewScanner(file, header.Salt, size), out)
}

func dumpRecords(file *os.File, records *pack.Scanner, out *dumpWriter) error {
	for more := true; more; {
		more = records.Next()
		if err := records.Err(); err != nil {
			return fmt.Errorf("dump %s: %w", file.Name(), err)
		}
		if gap := records.Gap(); gap > 0 {
			r := recordInfo{Kind: "damaged", Offset: records.Offset() - gap, Bytes: gap}
			if !more {
				r.Offset = records.Offset()
			}
			if err := out.write(r, r.String()); err != nil {
				return err
			}
		}
		if !more {
			break
		}
		r := recordInfoOf(records.Offset(), records.Record())
		if err := out.write(r, r.String()); err != nil {
			return err
		}
	}
	return nil
}

func recordInfoOf(at int64, r *pack.Record) recordInfo {
	i := recordInfo{Kind: kindOfRecord(r.Kind), Offset: at, Bytes: r.Size(), Deleted: r.Mark == pack.MarkDeleted}
	if r.Kind == pack.KindFragment || r.Kind == pack.KindHeader {
		i.Header = fmt.Sprintf("%x", r.Header[:8])
	}
	if r.Kind != pack.KindFragment {
		return i
	}
	received, made := r.Number.ServerTime(), r.ProducerTime
	i.Stream, i.Generation, i.Fragment = r.Stream.ID, r.Stream.Generation, r.Number.String()
	i.ServerTime, i.ProducerTime, i.Milliseconds = &received, &made, r.Duration.Milliseconds()
	i.Media, i.Frames, i.Incomplete = r.MediaSize(), r.Samples, r.Flags&millrace.FlagIncomplete != 0
	return i
}

func kindOfRecord(k pack.Kind) string {
	switch k {
	case pack.KindFragment:
		return "fragment"
	case pack.KindHeader:
		return "header"
	case pack.KindLimits:
		return "limits"
	case pack.KindFooter:
		return "footer"
	}
	return fmt.Sprintf("kind %d", k)
}

// String writes a pack's own words for people.
func (p packInfo) String() string {
	sealed := "not sealed"
	if p.Sealed {
		sealed = "sealed"
	}
	return fmt.Sprintf("pack %s, version %d, epoch %d, class %d, made %s, %s, %s",
		p.Number, p.Version, p.Epoch, p.Class, p.Created.Format(time.RFC3339), byteText(p.Bytes), sealed)
}

// String writes a record for people.
func (r recordInfo) String() string {
	text := fmt.Sprintf("%12d %10d  %-8s", r.Offset, r.Bytes, r.Kind)
	if r.Fragment != "" {
		text += fmt.Sprintf("  stream %d.%d  %s  %s  %.3f s  %d frames", r.Stream, r.Generation, r.Fragment,
			r.ProducerTime.Format(momentLayout), float64(r.Milliseconds)/1000, r.Frames)
	}
	if r.Header != "" {
		text += "  header " + r.Header
	}
	for _, fact := range []struct {
		holds bool
		word  string
	}{{r.Incomplete, "  incomplete"}, {r.Deleted, "  deleted"}} {
		if fact.holds {
			text += fact.word
		}
	}
	return text
}
