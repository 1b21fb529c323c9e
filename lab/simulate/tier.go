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

// tier is what all hosts of a kind have in common. Words are chosen from by
// the seed: companies don't name things alike.
type tier struct {
	kind  kind
	zone  zone
	ports []uint16
	short []string // beginnings of names
	roles []string // in inventories
	// how many there are among 50 hosts of each kind of business
	shop, office, software, research float64
}

var tiers = []tier{
	{loadBalancer, dmz, []uint16{22, 80, 443}, []string{"lb", "haproxy", "edge", "proxy"}, []string{"load-balancer", "lb", "proxy", "edge", "reverse-proxy", "haproxy"}, 2, 1, 2, 0},
	{webServer, dmz, []uint16{22, 80, 443}, []string{"web", "www", "fe", "nginx", "portal"}, []string{"web", "web", "web-server", "webserver", "frontend", "www"}, 5, 2, 2, 2},
	{database, data, []uint16{22}, []string{"db", "db", "sql", "pg", "data"}, []string{"database", "database", "db", "db-server", "db-primary"}, 3, 2, 3, 1},
	{application, servers, []uint16{22, 8080}, []string{"app", "api", "svc", "be"}, []string{"app", "application", "app-server", "api", "backend"}, 5, 3, 5, 1},
	{adminDesk, offices, nil, []string{"adm", "ops", "admin", "it"}, []string{"admin-workstation", "workstation", "admin", "it-workstation", "privileged-workstation"}, 2, 2, 2, 2},
	{fileServer, servers, []uint16{445, 139}, []string{"fs", "file", "files", "nas", "smb"}, []string{"file-server", "fileserver", "files", "storage", "nas"}, 1, 3, 1, 2},
	{domainController, servers, []uint16{53, 88, 135, 139, 389, 445, 464, 636, 3268, 3389, 5985, 49667}, []string{"dc", "ad", "pdc", "dir"}, []string{"domain-controller", "domain-controller", "dc", "active-directory", "directory"}, 1, 2, 1, 1},
	{configManager, management, []uint16{22}, []string{"ansible", "cfg", "puppet", "mgmt", "salt"}, []string{"config-management", "configuration-management", "ansible", "puppet", "automation", "management"}, 1, 1, 1, 1},
	{monitoring, management, []uint16{22, 443, 3000, 9090}, []string{"mon", "prometheus", "zabbix", "nagios", "metrics"}, []string{"monitoring", "monitoring", "metrics", "prometheus", "zabbix"}, 1, 1, 1, 1},
	{bastion, management, []uint16{22}, []string{"bastion", "jump", "gw", "login", "hop"}, []string{"bastion", "jump-host", "jumphost", "jump", "ssh-gateway", "gateway"}, 1, 1, 1, 2},
	{backupServer, management, []uint16{22, 873, 9103}, []string{"backup", "bkp", "bareos", "vault", "arch"}, []string{"backup", "backup-server", "backups"}, 1, 1, 1, 1},
	{officeDesk, offices, []uint16{135, 139, 445}, []string{"ws", "pc", "desktop", "client", "nb"}, []string{"workstation", "office", "desktop", "client", "laptop"}, 6, 14, 3, 4},
	{developerDesk, offices, []uint16{22}, []string{"dev", "laptop", "lt", "devpc", "mbp"}, []string{"developer", "workstation", "dev-workstation", "laptop", "developer-workstation"}, 4, 1, 9, 8},
	{buildServer, servers, []uint16{22, 443, 8080, 50000}, []string{"ci", "jenkins", "build", "runner", "deploy"}, []string{"ci", "build", "ci-server", "jenkins", "deploy", "build-server"}, 1, 0, 3, 1},
	{cache, data, []uint16{22, 6379}, []string{"cache", "redis", "mc", "kv"}, []string{"cache", "redis", "in-memory"}, 2, 0, 1, 0},
	{logServer, management, []uint16{22, 514, 5044, 9200}, []string{"log", "graylog", "elk", "splunk", "siem"}, []string{"logs", "log-server", "logging", "siem", "syslog"}, 1, 1, 1, 1},
	{scanner, management, []uint16{22, 8834}, []string{"scan", "nessus", "openvas", "vuln", "sec"}, []string{"scanner", "vulnerability-scanner", "security-scanner", "vuln-scanner", "security"}, 1, 1, 1, 1},
	{nameServer, management, []uint16{22, 53}, []string{"ns", "dns", "resolver", "infra"}, []string{"dns", "dns-server", "nameserver", "infrastructure", "ntp"}, 1, 1, 1, 1},
	{mailServer, dmz, []uint16{22, 25, 143, 443, 587, 993}, []string{"mail", "mx", "smtp", "exch"}, []string{"mail", "mail-server", "mx", "smtp"}, 1, 1, 0, 1},
	{codeServer, servers, []uint16{22, 443}, []string{"git", "gitlab", "code", "scm"}, []string{"git", "code", "source-control", "gitlab"}, 1, 0, 1, 1},
	{staging, servers, []uint16{22, 443, 8080}, []string{"stg", "staging", "test", "uat", "qa"}, []string{"staging", "test", "uat", "dev", "qa", "preprod"}, 2, 1, 4, 0},
	{worker, servers, []uint16{22}, []string{"worker", "job", "batch", "cron", "bg"}, []string{"worker", "batch", "jobs", "background", "cron"}, 2, 1, 3, 0},
	{queue, data, []uint16{22, 5672}, []string{"mq", "rabbit", "kafka", "broker"}, []string{"message-queue", "queue", "mq", "broker", "rabbitmq"}, 1, 0, 1, 0},
	{search, data, []uint16{22, 9200, 9300}, []string{"es", "search", "solr", "idx"}, []string{"search", "elasticsearch", "index"}, 1, 0, 1, 0},
	{warehouse, data, []uint16{22, 5432}, []string{"dwh", "bi", "analytics", "etl"}, []string{"warehouse", "data-warehouse", "analytics", "reporting", "bi"}, 1, 1, 0.5, 0},
	{registry, servers, []uint16{22, 443, 5000}, []string{"registry", "harbor", "nexus", "artifacts"}, []string{"registry", "artifacts", "container-registry"}, 0.4, 0, 1, 0},
	{vpnGateway, dmz, []uint16{443, 22}, []string{"vpn", "fw", "ra", "asa"}, []string{"vpn", "firewall", "vpn-gateway"}, 1, 1, 1, 1},
	{compute, data, []uint16{22}, []string{"node", "gpu", "cn", "compute"}, []string{"compute", "compute-node", "worker-node", "hpc"}, 0, 0, 1, 14},
	{windowsServer, servers, []uint16{135, 139, 445, 3389, 5985, 49668}, []string{"srv", "win", "erp", "sap", "crm"}, []string{"server", "windows-server", "erp", "application-server", "crm"}, 1, 4, 0, 0},
	{terminalServer, servers, []uint16{135, 139, 445, 3389, 5985}, []string{"ts", "rds", "citrix", "term"}, []string{"terminal-server", "rds", "remote-desktop"}, 0, 2, 0, 0},
	{hypervisor, management, []uint16{22, 443, 902}, []string{"esx", "pve", "kvm", "vmhost"}, []string{"hypervisor", "virtualisation", "vmhost", "esxi"}, 1, 2, 1, 1},
	{printServer, servers, []uint16{135, 139, 445, 3389, 5985}, []string{"print", "prn", "ps"}, []string{"print-server", "printing"}, 0, 1, 0, 0},
	{printer, devices, []uint16{80, 515, 631, 9100}, []string{"printer", "mfp", "hp", "ricoh"}, []string{"printer", "mfp", "device"}, 1, 2, 0.6, 1},
	{network, devices, []uint16{22, 23, 443}, []string{"sw", "switch", "rtr", "core"}, []string{"network", "switch", "router", "network-device"}, 2, 3, 1, 2},
	{camera, devices, []uint16{80, 554}, []string{"cam", "cctv", "iot", "door"}, []string{"camera", "iot", "device", "building"}, 0, 1, 0, 0},
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
	switch b {
	case shop:
		return t.shop
	case officeWork:
		return t.office
	case software:
		return t.software
	case research:
		return t.research
	}
	return (t.shop + t.office + t.software + t.research) / 4
}

// desk says whether people sit at such hosts.
func (k kind) desk() bool { return k == adminDesk || k == developerDesk || k == officeDesk }

// appliance says whether such hosts run nobody's own software.
func (k kind) appliance() bool {
	return k == printer || k == network || k == camera || k == vpnGateway || k == hypervisor
}
