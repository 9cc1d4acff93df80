package spool

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/millrace/millrace"
)

const (
	producerName = "producer"
	producerTemp = "producer.new"
)

// identify reads the identity of the directory, or makes it. It is written under
// another name, synced, renamed, and its name synced, before anybody learns of
// it: a crash leaves none or all of it.
func (s *Spool) identify() error {
	id, err := s.readProducer()
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		s.producer = id
		return err
	}
	id = s.o.Producer
	if id == (millrace.ProducerID{}) {
		_, _ = rand.Read(id[:]) // it never fails
	}
	if err := s.writeProducer(id); err != nil {
		return wrap("write identity of spool", err)
	}
	s.producer = id
	return nil
}

func (s *Spool) readProducer() (millrace.ProducerID, error) {
	f, err := s.fs.Open(producerName, false)
	if err != nil {
		return millrace.ProducerID{}, err
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, len(millrace.ProducerID{}.String())+1)
	if err := readFull(f, b, 0); err != nil {
		return millrace.ProducerID{}, fmt.Errorf("read identity of spool: %w", err)
	}
	id, err := millrace.ParseProducerID(strings.TrimSuffix(string(b), "\n"))
	if err != nil {
		return id, fmt.Errorf("read identity of spool: %w: %w", ErrDamaged, err)
	}
	return id, nil
}

func (s *Spool) writeProducer(id millrace.ProducerID) error {
	if err := s.fs.Remove(producerTemp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := s.fs.Create(producerTemp)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(id.String()+"\n"), 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := s.fs.Rename(producerTemp, producerName); err != nil {
		return err
	}
	return s.fs.Sync()
}
