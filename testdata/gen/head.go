package main

import (
	"fmt"
	"strings"
)

// head says what stands in a request's head.
type head struct {
	client   string // cClient, embeddedClient or goClient
	relative bool
	start    string // producer start timestamp as the client spells it
	noAcks   bool
}

// The clients whose heads are imitated.
const (
	cClient        = "c"
	embeddedClient = "embedded"
	goClient       = "go"
)

// text returns the head with its empty line. It has no signature: a test that
// wants one signs the request itself.
func (h head) text(stream string) []byte {
	mode, acks := "ABSOLUTE", "1"
	if h.relative {
		mode = "RELATIVE"
	}
	if h.noAcks {
		acks = "0"
	}
	var lines []string
	switch h.client {
	case goClient:
		lines = []string{
			"POST /putMedia?X-Amz-Expires=600 HTTP/1.1", "Host: localhost:8443", "User-Agent: Go-http-client/1.1",
			"Transfer-Encoding: chunked", "X-Amz-Date: 20261122T163000Z", "X-Amzn-Fragment-Timecode-Type: " + mode,
			"X-Amzn-Producer-Start-Timestamp: " + h.start, "X-Amzn-Stream-Name: " + stream, "Accept-Encoding: gzip",
		}
	case embeddedClient:
		lines = []string{
			"POST /putMedia HTTP/1.1", "host: localhost", "accept: */*", "connection: keep-alive",
			"content-type: application/json", "transfer-encoding: chunked", "user-agent: myagent",
			"x-amz-date: 20261122T163000Z", "x-amzn-fragment-acknowledgment-required: " + acks,
			"x-amzn-fragment-timecode-type: " + mode, "x-amzn-producer-start-timestamp: " + h.start,
			"x-amzn-stream-name: " + stream, "expect: 100-continue",
		}
	default:
		lines = []string{
			"POST /putMedia HTTP/1.1", "Host: localhost", "Accept: */*", "connection: keep-alive",
			"content-type: application/json", "transfer-encoding: chunked",
			"user-agent: MILLRACE-FIXTURE/1.0.0 GCC/12.2.0 Linux/6.1 x86_64", "X-Amz-Date: 20261122T163000Z",
			"x-amzn-fragment-acknowledgment-required: " + acks, "x-amzn-fragment-timecode-type: " + mode,
			"x-amzn-producer-start-timestamp: " + h.start, "x-amzn-stream-name: " + stream, "Expect: 100-continue",
		}
	}
	return fmt.Appendf(nil, "%s\r\n\r\n", strings.Join(lines, "\r\n"))
}
