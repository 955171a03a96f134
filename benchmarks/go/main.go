// Decodes a reply to RetrievePropertiesEx with govmomi, as its client does, and prints the seconds
// of each round: go run ./benchmarks/go FILE ROUNDS
package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

func decode(reply []byte) int {
	var body methods.RetrievePropertiesExBody
	envelope := soap.Envelope{Body: &body}
	decoder := xml.NewDecoder(bytes.NewReader(reply))
	decoder.TypeFunc = types.TypeFunc()
	if err := decoder.Decode(&envelope); err != nil {
		panic(err)
	}
	return len(body.Res.Returnval.Objects)
}

func main() {
	reply, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	rounds, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	objects := decode(reply)
	for round := 0; round < rounds; round++ {
		began := time.Now()
		if decode(reply) != objects {
			panic("a round decoded something else")
		}
		fmt.Println(time.Since(began).Seconds())
	}
}
