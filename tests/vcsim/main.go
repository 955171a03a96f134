// A vCenter that is not ours: govmomi's simulator, with an inventory of the size asked for.
//
// It serves /sdk, /pbm, /folder and /nfc over HTTPS on a free loopback port, prints its URL as
// one line when it is ready, and ends when its standard input closes or on SIGTERM. Everything
// that it answers is govmomi's, but for some things that govmomi 0.24 leaves out:
//
//   - A vCenter serves the description of its interface, /sdk/vimService.wsdl, which some users
//     cannot do without. It is read from the directory that is given.
//   - A vCenter knows the session of a request to /pbm by the SOAP header vcSessionCookie, and
//     takes no notice of the HTTP cookie; govmomi looks at the HTTP cookie only. The header is
//     made one on the way in.
//   - ExtensionManager finds and registers extensions, which Nova's driver begins with.
//   - An option of a machine is a property by its key, config.extraConfig["nvp.vm-uuid"]; Nova and
//     Ceilometer find instances by it, Nova also by FindAllByUuid. govmomi's own answers, of all
//     options and of FindByUuid, are cut to that.
//   - Controllers and disks of machines lack two numbers, which Nova attaches disks by.
//   - Nova sends images to a host, which is a server of its own. Here it is the vCenter, under the
//     name that all hosts are given.
//   - All tasks of govmomi have ended when their operation returns, so nobody ever waits for
//     one. TaskManager.CreateTask and Task.SetTaskState (vSphere API 2.5), with which an
//     extension reports on work of its own, make tasks that run until they are told to end.
package main

import (
	"bytes"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/pbm"
	_ "github.com/vmware/govmomi/pbm/simulator"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

var sessionHeader = regexp.MustCompile(`<(?:\w+:)?vcSessionCookie[^>]*>([^<]*)<`)

// pbmSession lets requests to /pbm be authenticated as vCenter does it.
func pbmSession(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == pbm.Path {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.Header.Del("Cookie")
			if found := sessionHeader.FindSubmatch(body); found != nil {
				r.AddCookie(&http.Cookie{Name: soap.SessionCookieName, Value: string(found[1])})
			}
		}
		next.ServeHTTP(w, r)
	})
}

// describing answers GET below /sdk from a directory.
func describing(directory string, next http.Handler) http.Handler {
	files := http.StripPrefix("/sdk/", http.FileServer(http.Dir(directory)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/sdk/") {
			files.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// servingHosts answers for the hosts as well: each calls the datacenter of its own ha-datacenter.
func servingHosts(datacenter string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if query.Get("dcPath") == "ha-datacenter" {
			query.Set("dcPath", datacenter)
			r.URL.RawQuery = query.Encode()
		}
		next.ServeHTTP(w, r)
	})
}

// extensionManager keeps the extensions.
type extensionManager struct {
	mo.ExtensionManager
}

func (m *extensionManager) FindExtension(req *types.FindExtension) soap.HasFault {
	body := &methods.FindExtensionBody{Res: new(types.FindExtensionResponse)}
	for i := range m.ExtensionList {
		if m.ExtensionList[i].Key == req.ExtensionKey {
			body.Res.Returnval = &m.ExtensionList[i]
		}
	}
	return body
}

func (m *extensionManager) RegisterExtension(req *types.RegisterExtension) soap.HasFault {
	for i := range m.ExtensionList {
		if m.ExtensionList[i].Key == req.Extension.Key {
			return &methods.RegisterExtensionBody{
				Fault_: simulator.Fault("", &types.InvalidArgument{InvalidProperty: "extension.key"}),
			}
		}
	}
	m.ExtensionList = append(m.ExtensionList, req.Extension)
	return &methods.RegisterExtensionBody{Res: new(types.RegisterExtensionResponse)}
}

// taskManager is govmomi's, and makes tasks for extensions.
type taskManager struct {
	simulator.TaskManager
	made int64
}

// Lock does nothing: govmomi holds an object's lock during its operations, and that of its
// TaskManager once more when a task is put into the registry.
func (*taskManager) Lock() {}

// Unlock does nothing, as Lock.
func (*taskManager) Unlock() {}

func (m *taskManager) CreateTask(ctx *simulator.Context, req *types.CreateTask) soap.HasFault {
	made := &extensionTask{}
	made.Self = types.ManagedObjectReference{
		Type:  "Task",
		Value: fmt.Sprintf("task-of-extension-%d", atomic.AddInt64(&m.made, 1)),
	}
	made.Info = types.TaskInfo{
		Key:           made.Self.Value,
		Task:          made.Self,
		DescriptionId: req.TaskTypeId,
		Entity:        &req.Obj,
		State:         types.TaskInfoStateQueued,
		Cancelable:    req.Cancelable,
		Reason:        &types.TaskReasonUser{UserName: ctx.Session.UserName},
		QueueTime:     ctx.Session.LastActiveTime,
	}
	ctx.Map.Put(made)
	return &methods.CreateTaskBody{Res: &types.CreateTaskResponse{Returnval: made.Info}}
}

// propertyCollector is govmomi's, and finds the option of a machine by its key.
type propertyCollector struct {
	simulator.PropertyCollector
}

const extraConfig = "config.extraConfig"

var optionByKey = regexp.MustCompile(`^config\.extraConfig\["(.*)"\](\.value)?$`)

func (c *propertyCollector) RetrievePropertiesEx(
	ctx *simulator.Context, req *types.RetrievePropertiesEx,
) soap.HasFault {
	// What is asked for by key, path to key; all of the options are read for it.
	keys := map[string]string{}
	whole := false
	for _, spec := range req.SpecSet {
		for _, properties := range spec.PropSet {
			for i, path := range properties.PathSet {
				if found := optionByKey.FindStringSubmatch(path); found != nil {
					keys[path] = found[1]
					properties.PathSet[i] = extraConfig
				}
				whole = whole || path == extraConfig
			}
		}
	}
	reply := c.PropertyCollector.RetrievePropertiesEx(ctx, req)
	body := reply.(*methods.RetrievePropertiesExBody)
	if len(keys) == 0 || body.Res == nil {
		return reply
	}
	for i := range body.Res.Returnval.Objects {
		object := &body.Res.Returnval.Objects[i]
		var found []types.DynamicProperty
		for _, property := range object.PropSet {
			if property.Name != extraConfig || whole {
				found = append(found, property)
			}
			if property.Name == extraConfig {
				options := property.Val.(*types.ArrayOfOptionValue).OptionValue
				found = append(found, optionsOf(options, keys)...)
			}
		}
		object.PropSet = found
	}
	return reply
}

func optionsOf(options []types.BaseOptionValue, keys map[string]string) []types.DynamicProperty {
	var found []types.DynamicProperty
	for path, key := range keys {
		var last types.AnyType
		for _, option := range options {
			if option.GetOptionValue().Key != key {
				continue
			}
			last = option
			if strings.HasSuffix(path, ".value") {
				last = option.GetOptionValue().Value
			}
		}
		if last != nil {
			found = append(found, types.DynamicProperty{Name: path, Val: last})
		}
	}
	return found
}

// searchIndex is govmomi's, and finds all machines of a UUID: there is one or none.
type searchIndex struct {
	simulator.SearchIndex
}

func (s *searchIndex) FindAllByUuid(
	ctx *simulator.Context, req *types.FindAllByUuid,
) soap.HasFault {
	found := s.FindByUuid(&types.FindByUuid{
		This:         req.This,
		Datacenter:   req.Datacenter,
		Uuid:         req.Uuid,
		VmSearch:     req.VmSearch,
		InstanceUuid: req.InstanceUuid,
	}).(*methods.FindByUuidBody)
	body := &methods.FindAllByUuidBody{Res: new(types.FindAllByUuidResponse), Fault_: found.Fault_}
	if found.Res.Returnval != nil {
		body.Res.Returnval = append(body.Res.Returnval, *found.Res.Returnval)
	}
	return body
}

// browser is govmomi's, and looks for all files if nobody says for which.
type browser struct {
	simulator.HostDatastoreBrowser
}

func (b *browser) SearchDatastoreTask(req *types.SearchDatastore_Task) soap.HasFault {
	if req.SearchSpec == nil {
		req.SearchSpec = &types.HostDatastoreBrowserSearchSpec{
			MatchPattern: []string{"*"},
			Details:      new(types.FileQueryFlags),
		}
	}
	return b.HostDatastoreBrowser.SearchDatastoreTask(req)
}

// completing sees that the devices of machines are complete whenever they change.
type completing struct {
	types.ManagedObjectReference
}

func (completing) PutObject(mo.Reference) {}

func (completing) RemoveObject(types.ManagedObjectReference) {}

func (completing) UpdateObject(_ mo.Reference, changes []types.PropertyChange) {
	for _, change := range changes {
		if array, ok := change.Val.(*types.ArrayOfVirtualDevice); ok {
			complete(array.VirtualDevice)
		}
	}
}

// complete gives SCSI controllers the unit number on their own bus, and disks the UUID, that those
// of a vCenter have.
func complete(devices []types.BaseVirtualDevice) {
	for _, device := range devices {
		if scsi, ok := device.(types.BaseVirtualSCSIController); ok {
			scsi.GetVirtualSCSIController().ScsiCtlrUnitNumber = 7
		}
		backing, ok := device.GetVirtualDevice().Backing.(*types.VirtualDiskFlatVer2BackingInfo)
		if ok && backing.Uuid == "" {
			name := []byte(backing.FileName)
			backing.Uuid = uuid.NewSHA1(uuid.NameSpaceOID, name).String()
		}
	}
}

type extensionTask struct {
	simulator.Task
}

func (t *extensionTask) SetTaskState(ctx *simulator.Context, req *types.SetTaskState) soap.HasFault {
	changes := []types.PropertyChange{{Name: "info.state", Val: req.State}}
	if req.Result != nil {
		changes = append(changes, types.PropertyChange{Name: "info.result", Val: req.Result})
	}
	if req.Fault != nil {
		changes = append(changes, types.PropertyChange{Name: "info.error", Val: *req.Fault})
	}
	ctx.Map.Update(t, changes)
	return &methods.SetTaskStateBody{Res: new(types.SetTaskStateResponse)}
}

func main() {
	hosts := flag.Int("hosts", 2, "hosts in the cluster")
	vms := flag.Int("vms", 4, "virtual machines in the cluster; all are powered off")
	datastores := flag.Int("datastores", 2, "datastores, of all hosts")
	name := flag.String("name", "", "name of all hosts, by which they are reached; else names of govmomi's")
	fileSystem := flag.String("type", "VMFS", "type of the datastores")
	user := flag.String("user", "user", "who may log in")
	password := flag.String("password", "", "with which password")
	cert := flag.String("cert", "", "file of the certificate, PEM")
	key := flag.String("key", "", "file of its private key, PEM")
	descriptions := flag.String("descriptions", "", "directory with vimService.wsdl; none without")
	flag.Parse()

	pair, err := tls.LoadX509KeyPair(*cert, *key)
	if err != nil {
		log.Fatal(err)
	}
	model := simulator.VPX()
	model.Host = 0
	model.ClusterHost = *hosts
	model.Machine = *vms
	model.Datastore = *datastores
	model.Autostart = false
	err = model.Create()
	if err != nil {
		model.Remove()
		log.Fatal(err)
	}
	defer model.Remove()

	manager := simulator.Map.Get(*model.ServiceContent.TaskManager).(*simulator.TaskManager)
	ours := &taskManager{}
	ours.TaskManager.TaskManager = manager.TaskManager
	simulator.Map.Put(ours)
	simulator.Map.AddHandler(ours)
	for _, entity := range simulator.Map.All("VirtualMachine") {
		complete(entity.(*simulator.VirtualMachine).Config.Hardware.Device)
	}
	simulator.Map.AddHandler(completing{types.ManagedObjectReference{Type: "Completing"}})
	collector := &propertyCollector{}
	collector.Self = model.ServiceContent.PropertyCollector
	simulator.Map.Put(collector)
	index := &searchIndex{}
	index.Self = *model.ServiceContent.SearchIndex
	simulator.Map.Put(index)
	for _, entity := range simulator.Map.All("Datastore") {
		datastore := entity.(*simulator.Datastore)
		datastore.Summary.Type = *fileSystem
		own := simulator.Map.Get(datastore.Browser).(*simulator.HostDatastoreBrowser)
		simulator.Map.Put(&browser{*own})
	}
	for _, entity := range simulator.Map.All("HostSystem") {
		if host := entity.(*simulator.HostSystem); *name != "" {
			host.Name, host.Summary.Config.Name = *name, *name
		}
	}
	extensions := &extensionManager{}
	extensions.Self = *model.ServiceContent.ExtensionManager
	simulator.Map.Put(extensions)

	model.Service.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	model.Service.Listen = &url.URL{
		Host: "127.0.0.1:0",
		User: url.UserPassword(*user, *password),
	}
	model.Service.RegisterEndpoints = true
	server := model.Service.NewServer()
	// Before anybody can know where it is.
	server.Config.Handler = pbmSession(server.Config.Handler)
	server.Config.Handler = servingHosts("DC0", server.Config.Handler)
	if *descriptions != "" {
		server.Config.Handler = describing(*descriptions, server.Config.Handler)
	}
	fmt.Printf("https://%s/sdk\n", server.URL.Host)

	ended := make(chan os.Signal, 2)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		ended <- syscall.SIGTERM
	}()
	<-ended
}
