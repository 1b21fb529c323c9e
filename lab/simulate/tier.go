package simulate

// kind is what a host is for.
type kind string

const (
	loadBalancer     kind = "load-balancer"
	webServer        kind = "web"
	application      kind = "application"
	worker           kind = "worker"
	database         kind = "database"
	warehouse        kind = "warehouse"
	cache            kind = "cache"
	queue            kind = "queue"
	search           kind = "search"
	fileServer       kind = "file-server"
	domainController kind = "domain-controller"
	mailServer       kind = "mail"
	nameServer       kind = "dns"
	buildServer      kind = "ci"
	codeServer       kind = "code"
	registry         kind = "registry"
	configManager    kind = "configuration"
	backupServer     kind = "backup"
	monitoring       kind = "monitoring"
	logServer        kind = "logs"
	scanner          kind = "scanner"
	bastion          kind = "bastion"
	vpnGateway       kind = "vpn"
	staging          kind = "staging"
	compute          kind = "compute"
	hypervisor       kind = "hypervisor"
	terminalServer   kind = "terminal-server"
	windowsServer    kind = "windows-server"
	printServer      kind = "print-server"
	printer          kind = "printer"
	network          kind = "network"
	camera           kind = "camera"
	adminDesk        kind = "admin-workstation"
	developerDesk    kind = "developer"
	officeDesk       kind = "office"

	// Groups of hosts, whatever their kind.
	linux   kind = "(linux)" // servers that administrators reach with ssh
	windows kind = "(windows)"
	exposed kind = "(exposed)" // ssh that answers the internet
	shells  kind = "(shells)"  // servers that people can log in to
)

// zone is a part of the network.
type zone uint8

const (
	dmz zone = iota
	servers
	data
	management
	offices
	devices
)

// tier is what all hosts of a kind have in common. The seed chooses among the
// words: companies name things differently.
type tier struct {
	kind   kind
	zone   zone
	ports  []uint16
	counts [4]float64 // hosts among 50 in a shop, an office, a software house, a computing center
	short  string     // words: beginnings of names
	roles  string     // words: roles in inventories
}

var tiers = []tier{
	{loadBalancer, dmz, []uint16{22, 80, 443}, [4]float64{2, 1, 2, 0},
		"lb haproxy edge proxy", "load-balancer lb proxy edge reverse-proxy haproxy"},
	{webServer, dmz, []uint16{22, 80, 443}, [4]float64{5, 2, 2, 2},
		"web www fe nginx portal", "web web web-server webserver frontend www"},
	{database, data, []uint16{22}, [4]float64{3, 2, 3, 1},
		"db db sql pg data", "database database db db-server db-primary"},
	{application, servers, []uint16{22, 8080}, [4]float64{5, 3, 5, 1},
		"app api svc be", "app application app-server api backend"},
	{adminDesk, offices, nil, [4]float64{2, 2, 2, 2},
		"adm ops admin it", "admin-workstation workstation admin it-workstation privileged-workstation"},
	{fileServer, servers, []uint16{445, 139}, [4]float64{1, 3, 1, 2},
		"fs file files nas smb", "file-server fileserver files storage nas"},
	{domainController, servers, []uint16{53, 88, 135, 139, 389, 445, 464, 636, 3268, 3389, 5985, 49667}, [4]float64{1, 2, 1, 1},
		"dc ad pdc dir", "domain-controller domain-controller dc active-directory directory"},
	{configManager, management, []uint16{22}, [4]float64{1, 1, 1, 1},
		"ansible cfg puppet mgmt salt", "config-management configuration-management ansible puppet automation management"},
	{monitoring, management, []uint16{22, 443, 3000, 9090}, [4]float64{1, 1, 1, 1},
		"mon prometheus zabbix nagios metrics", "monitoring monitoring metrics prometheus zabbix"},
	{bastion, management, []uint16{22}, [4]float64{1, 1, 1, 2},
		"bastion jump gw login hop", "bastion jump-host jumphost jump ssh-gateway gateway"},
	{backupServer, management, []uint16{22, 873, 9103}, [4]float64{1, 1, 1, 1},
		"backup bkp bareos vault arch", "backup backup-server backups"},
	{officeDesk, offices, []uint16{135, 139, 445}, [4]float64{6, 14, 3, 4},
		"ws pc desktop client nb", "workstation office desktop client laptop"},
	{developerDesk, offices, []uint16{22}, [4]float64{4, 1, 9, 8},
		"dev laptop lt devpc mbp", "developer workstation dev-workstation laptop developer-workstation"},
	{buildServer, servers, []uint16{22, 443, 8080, 50000}, [4]float64{1, 0, 3, 1},
		"ci jenkins build runner deploy", "ci build ci-server jenkins deploy build-server"},
	{cache, data, []uint16{22, 6379}, [4]float64{2, 0, 1, 0},
		"cache redis mc kv", "cache redis in-memory"},
	{logServer, management, []uint16{22, 514, 5044, 9200}, [4]float64{1, 1, 1, 1},
		"log graylog elk splunk siem", "logs log-server logging siem syslog"},
	{scanner, management, []uint16{22, 8834}, [4]float64{1, 1, 1, 1},
		"scan nessus openvas vuln sec", "scanner vulnerability-scanner security-scanner vuln-scanner security"},
	{nameServer, management, []uint16{22, 53}, [4]float64{1, 1, 1, 1},
		"ns dns resolver infra", "dns dns-server nameserver infrastructure ntp"},
	{mailServer, dmz, []uint16{22, 25, 143, 443, 587, 993}, [4]float64{1, 1, 0, 1},
		"mail mx smtp exch", "mail mail-server mx smtp"},
	{codeServer, servers, []uint16{22, 443}, [4]float64{1, 0, 1, 1},
		"git gitlab code scm", "git code source-control gitlab"},
	{staging, servers, []uint16{22, 443, 8080}, [4]float64{2, 1, 4, 0},
		"stg staging test uat qa", "staging test uat dev qa preprod"},
	{worker, servers, []uint16{22}, [4]float64{2, 1, 3, 0},
		"worker job batch cron bg", "worker batch jobs background cron"},
	{queue, data, []uint16{22, 5672}, [4]float64{1, 0, 1, 0},
		"mq rabbit kafka broker", "message-queue queue mq broker rabbitmq"},
	{search, data, []uint16{22, 9200, 9300}, [4]float64{1, 0, 1, 0},
		"es search solr idx", "search elasticsearch index"},
	{warehouse, data, []uint16{22, 5432}, [4]float64{1, 1, 0.5, 0},
		"dwh bi analytics etl", "warehouse data-warehouse analytics reporting bi"},
	{registry, servers, []uint16{22, 443, 5000}, [4]float64{0.4, 0, 1, 0},
		"registry harbor nexus artifacts", "registry artifacts container-registry"},
	{vpnGateway, dmz, []uint16{443, 22}, [4]float64{1, 1, 1, 1},
		"vpn fw ra asa", "vpn firewall vpn-gateway"},
	{compute, data, []uint16{22}, [4]float64{0, 0, 1, 14},
		"node gpu cn compute", "compute compute-node worker-node hpc"},
	{windowsServer, servers, []uint16{135, 139, 445, 3389, 5985, 49668}, [4]float64{1, 4, 0, 0},
		"srv win erp sap crm", "server windows-server erp application-server crm"},
	{terminalServer, servers, []uint16{135, 139, 445, 3389, 5985}, [4]float64{0, 2, 0, 0},
		"ts rds citrix term", "terminal-server rds remote-desktop"},
	{hypervisor, management, []uint16{22, 443, 902}, [4]float64{1, 2, 1, 1},
		"esx pve kvm vmhost", "hypervisor virtualisation vmhost esxi"},
	{printServer, servers, []uint16{135, 139, 445, 3389, 5985}, [4]float64{0, 1, 0, 0},
		"print prn ps", "print-server printing"},
	{printer, devices, []uint16{80, 515, 631, 9100}, [4]float64{1, 2, 0.6, 1},
		"printer mfp hp ricoh", "printer mfp device"},
	{network, devices, []uint16{22, 23, 443}, [4]float64{2, 3, 1, 2},
		"sw switch rtr core", "network switch router network-device"},
	{camera, devices, []uint16{80, 554}, [4]float64{0, 1, 0, 0},
		"cam cctv iot door", "camera iot device building"},
}

// business is what a company does.
type business uint8

const (
	shop business = iota
	officeWork
	software
	research
	mixed
)

// share is how many of 50 hosts are of the tier.
func (t *tier) share(b business) float64 {
	if b == mixed {
		return (t.counts[shop] + t.counts[officeWork] + t.counts[software] + t.counts[research]) / 4
	}
	return t.counts[b]
}

// desk reports whether people sit at such hosts.
func (k kind) desk() bool { return k == adminDesk || k == developerDesk || k == officeDesk }

// appliance reports whether such hosts run only their vendor's software.
func (k kind) appliance() bool {
	return k == printer || k == network || k == camera || k == vpnGateway || k == hypervisor
}
