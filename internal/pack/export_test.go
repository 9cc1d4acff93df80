package pack

import "github.com/millrace/millrace"

// MarkOffset is where the mark stands in a record.
const MarkOffset = markOffset

// Seal puts a checksum on what a test has changed.
func Seal(b []byte) { seal(b) }

func AppendSamples(b []byte, s []millrace.Sample) []byte { return appendSamples(b, s) }

func ParseSamples(b []byte, n uint32) ([]millrace.Sample, error) { return parseSamples(b, n) }

func (f *Footer) Body() []byte { return f.body() }

func ParseFooter(b []byte) (*Footer, error) { return parseFooter(b) }
