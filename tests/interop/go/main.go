// One question of the Go SDK: who am I, and with which key. Arguments: the profile. It reads the files and the endpoint as every Go
// program does, from HOME and AWS_ENDPOINT_URL.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(aws.SDKVersion)
		return
	}
	answer, err := ask(context.Background(), os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(answer)
}

func ask(ctx context.Context, profile string) (map[string]string, error) {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithSharedConfigProfile(profile))
	if err != nil {
		return nil, err
	}
	pair, err := loaded.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	who, err := sts.NewFromConfig(loaded).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, err
	}
	return map[string]string{"key": pair.AccessKeyID, "arn": aws.ToString(who.Arn)}, nil
}
