// A service's and a task's life through the AWS SDK for JavaScript, told nothing but the environment.
// Its only line is JSON: what is to be found again by another client.

import assert from "node:assert/strict";
import {
    CreateClusterCommand,
    CreateServiceCommand,
    DeleteServiceCommand,
    DescribeTasksCommand,
    ECSClient,
    InvalidParameterException,
    RegisterTaskDefinitionCommand,
    RunTaskCommand,
    StopTaskCommand,
    UpdateServiceCommand,
    paginateListClusters,
    paginateListServices,
    paginateListTaskDefinitions,
    paginateListTasks,
    waitUntilServicesInactive,
    waitUntilServicesStable,
    waitUntilTasksRunning,
    waitUntilTasksStopped,
} from "@aws-sdk/client-ecs";

const client = new ECSClient({});
const waiting = { client, minDelay: 1, maxDelay: 1, maxWaitTime: 60 };

async function all(paginate, member, input, pageSize) {
    const found = [];
    for await (const page of paginate({ client, pageSize }, input)) {
        assert.ok(page[member].length <= pageSize);
        found.push(...page[member]);
    }
    return found;
}

const { cluster } = await client.send(new CreateClusterCommand({ clusterName: "js" }));
assert.equal(cluster.status, "ACTIVE");
const clusters = await all(paginateListClusters, "clusterArns", {}, 1);
assert.ok(clusters.includes(cluster.clusterArn));

const container = { name: "web", image: "busybox", memory: 16, command: ["sleep", "600"] };
for (let revision = 1; revision <= 3; revision++) {
    const input = { family: "js-web", containerDefinitions: [container], tags: [{ key: "by", value: "js" }] };
    const { taskDefinition, tags } = await client.send(new RegisterTaskDefinitionCommand(input));
    assert.equal(taskDefinition.revision, revision);
    assert.ok(taskDefinition.registeredAt instanceof Date);
    assert.deepEqual(tags, [{ key: "by", value: "js" }]);
}
const revisions = await all(paginateListTaskDefinitions, "taskDefinitionArns", { familyPrefix: "js-web" }, 2);
assert.deepEqual(revisions.map((arn) => arn.split(":").at(-1)), ["1", "2", "3"]);

const service = { serviceName: "js-web", taskDefinition: "js-web:1", desiredCount: 4 };
await client.send(new CreateServiceCommand(service));
const stable = await waitUntilServicesStable(waiting, { services: ["js-web"] });
assert.equal(stable.state, "SUCCESS");
assert.equal((await all(paginateListServices, "serviceArns", {}, 1)).filter((arn) => arn.endsWith("/js-web")).length, 1);
const first = await all(paginateListTasks, "taskArns", { serviceName: "js-web" }, 3);
assert.equal(new Set(first).size, 4);

const updated = await client.send(new UpdateServiceCommand({ service: "js-web", taskDefinition: "js-web" }));
assert.deepEqual(updated.service.deployments.map((each) => each.status), ["PRIMARY", "ACTIVE"]);
await waitUntilServicesStable(waiting, { services: ["js-web"] });
const second = await all(paginateListTasks, "taskArns", { serviceName: "js-web" }, 3);
assert.equal(second.filter((arn) => first.includes(arn)).length, 0);

const run = await client.send(new RunTaskCommand({ taskDefinition: "js-web", count: 2, startedBy: "js" }));
assert.deepEqual(run.failures, []);
const tasks = run.tasks.map((task) => task.taskArn);
await waitUntilTasksRunning(waiting, { tasks });
for (const task of tasks) {
    await client.send(new StopTaskCommand({ task, reason: "enough" }));
}
await waitUntilTasksStopped(waiting, { tasks });
const described = await client.send(new DescribeTasksCommand({ tasks }));
assert.deepEqual(described.tasks.map((task) => task.stoppedReason), ["enough", "enough"]);
assert.ok(described.tasks.every((task) => task.stoppedAt >= task.createdAt));

await assert.rejects(client.send(new DeleteServiceCommand({ service: "js-web" })), (error) => {
    assert.ok(error instanceof InvalidParameterException);
    assert.equal(error.message, "The service cannot be stopped while it is scaled above 0.");
    return true;
});
await client.send(new DeleteServiceCommand({ service: "js-web", force: true }));
await waitUntilServicesInactive(waiting, { services: ["js-web"] });
await waitUntilTasksStopped(waiting, { tasks: second });

console.log(JSON.stringify({ stopped: tasks, service: second }));
