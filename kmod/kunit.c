// SPDX-License-Identifier: GPL-2.0-only
/*
 * mqgate_kunit.ko: unit tests of the module's parts, where the kernel has KUnit built
 * in. They run when it is loaded, and tell of it in the kernel's log; see kunit.h.
 */
#include "kunit.h"

#include <linux/module.h>

static void free_net(struct kunit_resource *resource)
{
	struct mqg_net *net = resource->data;

	free_percpu(net->stats);
	kfree(net);
}

static int make_net(struct kunit_resource *resource, void *context)
{
	struct mqg_net *net = kzalloc(sizeof(*net), GFP_KERNEL);

	if (!net)
		return -ENOMEM;
	net->stats = alloc_percpu(struct mqg_stats);
	if (!net->stats) {
		kfree(net);
		return -ENOMEM;
	}
	resource->data = net;
	return 0;
}

/**
 * mqg_kunit_net - a namespace's part for a test
 * @test: which owns it
 *
 * Context: process.
 */
struct mqg_net *mqg_kunit_net(struct kunit *test)
{
	struct mqg_net *net = kunit_alloc_resource(test, make_net, free_net, GFP_KERNEL, NULL);

	KUNIT_ASSERT_NOT_NULL(test, net);
	return net;
}

/**
 * mqg_kunit_counter - a counter, over all CPUs
 * @net: of mqg_kunit_net()
 * @counter: which
 */
u64 mqg_kunit_counter(const struct mqg_net *net, enum mqg_counter counter)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(net->stats, cpu)->counters[counter];
	return sum;
}

MODULE_DESCRIPTION("Unit tests of mqgate");
MODULE_AUTHOR("mqgate");
MODULE_LICENSE("GPL");
