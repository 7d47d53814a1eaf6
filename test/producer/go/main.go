// Answers each line, a key in hex, with what Go's hash/fnv makes of it: FNV-1a in 32 bits as an int32, and a mix of the partitions that Go
// Kafka Client's hash partitioner takes among 1, 2, … 1000. The lowest int32, which has no absolute value, is 0 here.
//
//	go run test/producer/go/main.go < keys
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math"
	"os"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		key, err := hex.DecodeString(lines.Text())
		if err != nil {
			panic(err)
		}
		hasher := fnv.New32a()
		hasher.Write(key)
		hash := int32(hasher.Sum32())
		absolute := hash
		if hash == math.MinInt32 {
			absolute = 0
		} else if hash < 0 {
			absolute = -hash
		}
		var mixed int32
		for count := int32(1); count <= 1000; count++ {
			mixed = 31*mixed + absolute%count
		}
		fmt.Println(hash, mixed)
	}
}
