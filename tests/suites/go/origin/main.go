// SPDX-License-Identifier: Apache-2.0

// An origin of HTTP/2 in clear text whose answers have trailers. What is posted comes back, a GET
// gets 3000 bytes. X-Trailer says how many bytes it was, X-Got what came as the trailer X-Sent.
package main

import (
	"flag"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"
)

func answer(w http.ResponseWriter, request *http.Request) {
	w.Header().Set("Trailer", "X-Trailer, X-Got")
	body := io.Reader(request.Body)
	if request.Method == http.MethodGet {
		body = strings.NewReader(strings.Repeat("t", 3000))
	}
	w.(http.Flusher).Flush() // or a short answer goes with its length, after which curl reads no more
	count, err := io.Copy(w, body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Trailer", strconv.FormatInt(count, 10))
	w.Header().Set("X-Got", request.Trailer.Get("X-Sent"))
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address and port")
	flag.Parse()
	server := &http.Server{Addr: *listen, Handler: http.HandlerFunc(answer),
		Protocols: new(http.Protocols)}
	server.Protocols.SetUnencryptedHTTP2(true)
	log.Fatal(server.ListenAndServe())
}
