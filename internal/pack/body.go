package pack

import "fmt"

// A BodyCheck verifies the checksum of a body that is read in parts.
type BodyCheck struct {
	record *Record
	crc    uint32
	left   int64
}

// CheckParts begins to verify the body of a record, whose parts are then to be
// added in order.
func (r *Record) CheckParts() (BodyCheck, error) {
	if r.Cipher != 0 {
		return BodyCheck{}, fmt.Errorf("cipher %d: %w", r.Cipher, ErrVersion)
	}
	return BodyCheck{record: r, left: int64(r.Stored)}, nil
}

// Left is how many bytes of the body have not been added.
func (c *BodyCheck) Left() int64 { return c.left }

// Add takes the next part. With the last one it says millrace.ErrCorrupt if the
// body is not what it was.
func (c *BodyCheck) Add(part []byte) error {
	c.crc = checksum(c.crc, part)
	c.left -= int64(len(part))
	if c.left < 0 || c.left == 0 && c.crc != c.record.BodyCRC {
		return corrupt("record body")
	}
	return nil
}
