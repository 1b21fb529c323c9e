module headstart/rules.expr

go 1.26.0

