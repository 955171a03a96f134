// Decodes a reply to RetrievePropertiesEx with govmomi, as its client does. Prints the seconds of the
// best round, and by how many bytes the process is larger for each of some results that it keeps:
// go run ./benchmarks/go FILE ROUNDS KEPT
package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

func decode(reply []byte) []types.ObjectContent {
	var body methods.RetrievePropertiesExBody
	envelope := soap.Envelope{Body: &body}
	decoder := xml.NewDecoder(bytes.NewReader(reply))
	decoder.TypeFunc = types.TypeFunc()
	if err := decoder.Decode(&envelope); err != nil {
		panic(err)
	}
	return body.Res.Returnval.Objects
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return value
}

// What Linux says that the process has, without what is garbage.
func resident() int {
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	return number(strings.Fields(after)[0]) * 1024
}

func main() {
	reply, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	rounds, count := number(os.Args[2]), number(os.Args[3])
	objects := len(decode(reply))
	best := time.Hour
	for round := 0; round < rounds; round++ {
		began := time.Now()
		if len(decode(reply)) != objects {
			panic("a round decoded something else")
		}
		if took := time.Since(began); took < best {
			best = took
		}
	}
	var kept [][]types.ObjectContent
	before := resident()
	for len(kept) < count {
		kept = append(kept, decode(reply))
	}
	fmt.Println(best.Seconds(), (resident()-before)/count)
	runtime.KeepAlive(kept)
}
