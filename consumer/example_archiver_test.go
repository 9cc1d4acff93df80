package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/checkpoint"
)

// A shelf keeps files under names with slashes in them. Put returns when the file
// is safe; to put it there again changes nothing.
type shelf interface {
	Put(ctx context.Context, name string, body []byte) error
}

// archive puts every fragment of a stream on a shelf, a Matroska file each, and
// goes on where it was when it is started again. A file is named after its
// fragment, so that one which is put there twice, because the program was killed
// in between, is there once.
func archive(ctx context.Context, client *consumer.Client, store checkpoint.Store, to shelf) error {
	gate := client.Live("gate", consumer.LiveOptions{
		Name:    "archiver",
		Store:   store,
		Start:   millrace.StartSelector{Type: millrace.StartEarliest}, // the first time
		CatchUp: true,
	})
	var file bytes.Buffer
	for f, err := range gate.Fragments(ctx) {
		if err != nil {
			return errors.Join(err, gate.Close())
		}
		file.Reset()
		if _, err := f.WriteTo(&file); err != nil {
			continue // the loop goes on, or says why not
		}
		if !f.Complete() {
			continue // its producer was cut off, and sends it again
		}
		name := f.ProducerTime.Format("gate/2006-01-02/15-04-05.000-") + f.Number.String() + ".mkv"
		if err := to.Put(ctx, name, file.Bytes()); err != nil {
			return errors.Join(err, gate.Close()) // this fragment comes again
		}
	}
	return gate.Close()
}

// A folder is a shelf on the disk. A file is there whole or not at all: it gets its
// name when it has been synced, and the name is synced as well.
type folder string

func (dir folder) Put(ctx context.Context, name string, body []byte) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	path := filepath.Join(string(dir), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	part, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	_, err = part.Write(body)
	if err := errors.Join(err, part.Sync(), part.Close()); err != nil {
		return err
	}
	if err := os.Rename(part.Name(), path); err != nil {
		return err
	}
	parent, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

// A day's film of 60 fragments is archived by a program that ends twice on the
// way.
func Example_archiver() {
	server, client := gateOf(60)
	defer server.Close()
	dir, err := os.MkdirTemp("", "archive-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := checkpoint.OpenFile(filepath.Join(dir, "positions"))
	if err != nil {
		log.Fatal(err)
	}
	for _, files := range []int{20, 17, 23} {
		ctx, power := context.WithCancel(context.Background())
		err := archive(ctx, client, store, &fuse{shelf: folder(dir), files: files, blow: power})
		fmt.Println(files, "files:", err)
	}
	frames := 0
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".mkv") {
			frames += framesOf(path)
		}
		return err
	})
	fmt.Println(frames, "frames", err)
	// Output:
	// 20 files: context canceled
	// 17 files: context canceled
	// 23 files: context canceled
	// 180 frames <nil>
}

// A fuse blows when so many files are on its shelf.
type fuse struct {
	shelf
	files int
	blow  func()
}

func (f *fuse) Put(ctx context.Context, name string, body []byte) error {
	err := f.shelf.Put(ctx, name, body)
	if f.files--; f.files == 0 {
		f.blow()
	}
	return err
}
