package pack

import (
	"fmt"
	"io"

	"github.com/millrace/millrace"
)

// AppendHeader appends the whole record of a session's header elements to b,
// padding included. It is complete once a Stamp has been put on it.
// AppendFragment has checked that they are not too long.
func AppendHeader(b []byte, h *millrace.Header) []byte {
	return appendWhole(b, Record{Kind: KindHeader, Header: h.Hash}, h.Bytes)
}

// appendWhole appends a record that carries its body with it.
func appendWhole(b []byte, r Record, body []byte) []byte {
	r.Cluster, r.Stored = uint32(len(body)), uint32(len(body))
	r.BodyCRC, r.TableCRC = checksum(0, body), checksum(0, nil)
	at := len(b)
	b = append(b, make([]byte, RecordHeaderSize)...)
	r.put(b[at:])
	b = append(b, body...)
	return append(b, make([]byte, r.Size()-int64(len(b)-at))...)
}

// ReadHeader reads the header elements named hash from the record at off. What
// is damaged, or is another header, is millrace.ErrCorrupt.
func ReadHeader(r io.ReaderAt, off int64, salt uint64, hash [32]byte) (*millrace.Header, error) {
	rec, err := ReadRecord(r, off, salt)
	if err != nil {
		return nil, err
	}
	if rec.Kind != KindHeader || rec.Header != hash {
		return nil, corrupt("record is not that header's")
	}
	body, err := ReadBody(r, off, &rec)
	if err != nil {
		return nil, err
	}
	h := millrace.NewHeader(body)
	if h.Hash != hash {
		return nil, corrupt("header elements do not have their hash")
	}
	return h, nil
}

// ReadBody reads the body of the record at off and verifies its checksum.
// Memory grows with what the file really holds.
func ReadBody(r io.ReaderAt, off int64, rec *Record) ([]byte, error) {
	body, err := io.ReadAll(io.NewSectionReader(r, off+rec.BodyOffset(), int64(rec.Stored)))
	if err != nil {
		return nil, fmt.Errorf("read record body: %w", err)
	}
	return body, rec.CheckBody(body)
}

// Verify reads the sample table and the body of the record at off through buf,
// which must not be empty, and verifies their checksums.
func Verify(r io.ReaderAt, off int64, rec *Record, buf []byte) error {
	table, err := sectionChecksum(r, off+RecordHeaderSize, int64(rec.Table), buf)
	if err != nil {
		return err
	}
	body, err := sectionChecksum(r, off+rec.BodyOffset(), int64(rec.Stored), buf)
	if err != nil {
		return err
	}
	if table != rec.TableCRC || body != rec.BodyCRC {
		return corrupt("record body")
	}
	return nil
}

func sectionChecksum(r io.ReaderAt, off, n int64, buf []byte) (uint32, error) {
	var crc uint32
	for n > 0 {
		p := buf[:min(n, int64(len(buf)))]
		if err := ReadFull(r, p, off); err != nil {
			return 0, err
		}
		crc = checksum(crc, p)
		off, n = off+int64(len(p)), n-int64(len(p))
	}
	return crc, nil
}
