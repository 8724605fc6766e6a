// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where clients come from, as the module counts it; see module.h.
 */
#include <linux/mqgate_netlink.h>

#include "common/module_handle.h"
#include "common/module_read.h"

struct sourcing {
	int	(*each)(const struct mqg_module_source *source, void *arg);
	void	*arg;
};

static int take_source(const struct nlmsghdr *answer, void *arg)
{
	const struct sourcing *sourcing = arg;
	struct mqg_module_source source;

	if (!mqg_module_read_source(answer, &source))
		return 0;
	return sourcing->each(&source, sourcing->arg);
}

int mqg_module_sources(struct mqg_module *module, const struct mqg_module_source_filter *filter,
		       int (*each)(const struct mqg_module_source *source, void *arg), void *arg,
		       char *why, size_t size)
{
	struct sourcing sourcing = { .each = each, .arg = arg };
	struct nlmsghdr *request;
	struct nlattr *nest;

	request = mqg_module_prepare(module, module->family, MQGATE_CMD_SOURCE_GET, NLM_F_DUMP);
	nest = mnl_attr_nest_start(request, MQGATE_A_SOURCE_FILTER);
	if (filter->prefix) {
		mnl_attr_put(request, MQGATE_A_SOURCE_FILTER_ADDR, sizeof(filter->addr),
			     filter->addr);
		mnl_attr_put_u8(request, MQGATE_A_SOURCE_FILTER_PREFIX, filter->prefix);
	}
	if (filter->sessions >= 0)
		mnl_attr_put_u32(request, MQGATE_A_SOURCE_FILTER_SESSIONS_OVER,
				 (uint32_t)filter->sessions);
	if (filter->rate >= 0)
		mnl_attr_put_u32(request, MQGATE_A_SOURCE_FILTER_RATE_OVER,
				 (uint32_t)filter->rate);
	mnl_attr_nest_end(request, nest);
	return mqg_module_ask(module, request, "listing sources", take_source, &sourcing, why,
			      size);
}
