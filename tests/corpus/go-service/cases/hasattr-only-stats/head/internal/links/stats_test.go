package links

import (
	"reflect"
	"testing"
)

func TestThereAreStats(t *testing.T) {
	if _, there := reflect.TypeOf(&Store{}).MethodByName("Stats"); !there {
		t.Error("there are none")
	}
}
