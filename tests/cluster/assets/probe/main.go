// Command probe is what the test cluster's own pods run: one static program, since an image from nothing has no shell.
//
//	probe pause               sleep until told to end; the image of a pod's sandbox
//	probe serve :8080         answer every HTTP request with this pod's host name
//	probe get URL             print the answer, or say why there is none and end with 1; tries for 20 seconds
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	tryFor      = 20 * time.Second
	answerLimit = 2 * time.Second
)

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "pause":
		pause()
	case len(os.Args) == 3 && os.Args[1] == "serve":
		serve(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "get":
		get(os.Args[2])
	default:
		fail("usage: probe pause | serve ADDRESS | get URL")
	}
}

func pause() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
	children := make(chan os.Signal, 8)
	signal.Notify(children, syscall.SIGCHLD)
	for {
		select {
		case <-ended:
			return
		case <-children: // process 1 of a shared process namespace inherits orphans
			for {
				if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
					break
				}
			}
		}
	}
}

func serve(address string) {
	name, err := os.Hostname()
	if err != nil {
		fail(err)
	}
	fail(http.ListenAndServe(address, http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(answer, name)
	})))
}

func get(url string) {
	client := &http.Client{Timeout: answerLimit}
	endsAt := time.Now().Add(tryFor)
	for {
		answer, err := client.Get(url)
		if err == nil {
			defer answer.Body.Close()
			if _, err = io.Copy(os.Stdout, answer.Body); err != nil {
				fail(err)
			}
			return
		}
		if time.Now().After(endsAt) {
			fail(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func fail(what any) {
	fmt.Fprintln(os.Stderr, what)
	os.Exit(1)
}
