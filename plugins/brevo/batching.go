package brevo

import "github.com/redpanda-data/benthos/v4/public/service"

const fieldBatching = "batching"

// batchingFrom reads how an output's messages are gathered, and how many batches may be under way. What the
// configuration leaves open is as in otherwise.
func batchingFrom(conf *service.ParsedConfig, otherwise service.BatchPolicy) (policy service.BatchPolicy, maxInFlight int, err error) {
	if maxInFlight, err = conf.FieldMaxInFlight(); err != nil {
		return policy, 0, err
	}
	if policy, err = conf.FieldBatchPolicy(fieldBatching); err != nil {
		return policy, 0, err
	}
	switch {
	case policy.Count == 1:
		policy = service.BatchPolicy{} // batches pass as they come
	case policy.IsNoop():
		policy = otherwise
	case policy.Period == "":
		policy.Period = otherwise.Period // or the last ones would never go out
	}
	return policy, maxInFlight, nil
}
