package server_test

import (
	"bufio"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
)

func newHeadReader(head string) *bufio.Reader { return bufio.NewReader(strings.NewReader(head)) }

// A cutter says how long the next piece is, of so many bytes that are left.
type cutter func(left int) int

func everything(left int) int { return left }

func pieces(n int) cutter { return func(int) int { return n } }

// randomPieces are of a byte, of a frame or of many.
func randomPieces(r *rand.Rand) cutter {
	return func(int) int { return 1 + r.IntN([...]int{1, 16, 700, 20_000, 200_000}[r.IntN(5)]) }
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// frame cuts a body into transfer chunks, without the last one that is empty.
func frame(body []byte, cut cutter) (b []byte) {
	for len(body) > 0 {
		n := min(cut(len(body)), len(body))
		b = append(strconv.AppendInt(b, int64(n), 16), "\r\n"...)
		b = append(append(b, body[:n]...), "\r\n"...)
		body = body[n:]
	}
	return b
}

const lastChunk = "0\r\n\r\n"

// write puts bytes on the wire in pieces that need not be chunks.
func (p *put) write(b []byte, cut cutter) error {
	for len(b) > 0 {
		n := min(cut(len(b)), len(b))
		if _, err := p.conn.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// breakOff ends the body without its end; acknowledgements can still be read.
func (p *put) breakOff() error { return p.conn.(*net.TCPConn).CloseWrite() }

// reset throws the connection away, with what is under way on it.
func (p *put) reset() error {
	return errors.Join(p.conn.(*net.TCPConn).SetLinger(0), p.conn.Close())
}

// A way is one of many in which the same body can come.
type way struct {
	name   string
	framed []byte
	pieces cutter
}

// smallBody is the length in bytes up to which a body is sent byte by byte.
const smallBody = 150_000

// ways are the whole body, as small pieces as there is time for, random ones,
// and as it was recorded.
func (c *capture) ways(seed uint64) []way {
	small := 1
	if len(c.body) > smallBody {
		small = 61
	}
	list := []way{
		c.way("whole", everything, everything),
		c.way("in small chunks", pieces(small), everything),
		c.randomWay(seed),
	}
	if c.framed != nil {
		list = append(list, way{"as recorded", c.framed, everything})
	}
	return list
}

func (c *capture) randomWay(seed uint64) way {
	random := randomPieces(newRand(seed))
	return c.way("in random pieces", random, random)
}

func (c *capture) way(name string, chunks, pieces cutter) way {
	b := frame(c.body, chunks)
	if c.expect.CleanEnd {
		b = append(b, lastChunk...)
	}
	return way{name, b, pieces}
}
